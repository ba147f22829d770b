"""The laboratory: what studies the averages and the optimizers. It imports the library, never the reverse.

``optimlab.lab.problems`` has what is smoothed and optimised, ``optimlab.lab.nets`` fully connected nets and their
initializers, ``optimlab.lab.theory`` the closed forms, ``optimlab.lab.autodiff`` differentiates NumPy programs, and
``optimlab.lab.frame`` is the frame of every study. What needs more than NumPy says so, and the extra ``lab`` has it:
``pip install "optimlab[lab]"``.
"""
