"""The EMA as a transformer of scikit-learn."""
EmaTransformer = None
