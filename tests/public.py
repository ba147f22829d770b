"""What a user has after ``from optimlab import *``: the names in which a repr is read back."""

import optimlab

NAMES = {name: getattr(optimlab, name) for name in optimlab.__all__}
