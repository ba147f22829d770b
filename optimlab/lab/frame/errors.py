"""The one exception that speaks to the person who runs a study."""

__all__ = ["StudyError"]


class StudyError(ValueError):
    """A problem that the person who runs the study can put right.

    The study frame prints its message as one line, ``error: ...``, and exits with status 2;
    every other exception is a defect of the program and keeps its traceback.

    Examples
    --------
    >>> raise StudyError("--column must be one of tmax, tmin; got rain")
    Traceback (most recent call last):
        ...
    optimlab.lab.frame.errors.StudyError: --column must be one of tmax, tmin; got rain
    """
