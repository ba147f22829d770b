"""Hooks: what happens before and after each step of an Optimizer, in the order of its list.

A hook is any object with ``before(step)``, ``after(step)`` or both; see ``optimlab.Step``. With ``state()`` and
``load_state(state)`` it is part of checkpoints, by the name of its type. The state is a dict of numbers and arrays,
each of the same dtype at all times; ``load_state`` raises what it cannot take, and ``state`` then returns what was
loaded. Keys that are a prefix and the name of a leaf, one array of its kind for each leaf, have their prefix in the
class attribute ``leafwise``. A hook with state belongs to one optimizer. It may also have ``take_back()``, called if a
step that ``before`` has counted is refused; ``forget(names)``, of leaves that are gone; the class attributes
``needs_loss``, ``whole_leaves`` (no ``step_rows``) and ``collects`` (``flush``); ``stopped``, ``best``, ``averaged``.

The optimizer's average sees the weights as ``after`` leaves them, in a second pass over memory; an ``after`` that only
looks says so with the class attribute ``moves_weights = False``.
A hyperparameter of a hook may be a schedule; what it gives is held to the same range at each step.
"""
