"""Where the folders are that come with the package: beside it in a checkout, inside it once it is installed."""

from pathlib import Path

__all__ = ["shipped"]


def shipped(name: str, mark: str) -> Path:
    """Return the folder ``optimlab/<name>``, or ``<name>`` beside ``optimlab``, whichever holds the file `mark`.

    Parameters
    ----------
    name : str
        Name of the folder.
    mark : str
        A file that makes it ours: a foreign folder may have the same name.

    Returns
    -------
    pathlib.Path
        The folder, absolute.

    Raises
    ------
    FileNotFoundError
        If it is in neither place.

    Examples
    --------
    >>> shipped("data", "rebuild.py").name
    'data'
    """
    package = Path(__file__).resolve().parents[1]
    places = [package / name, package.parent / name]
    for place in places:
        if (place / mark).is_file():
            return place
    raise FileNotFoundError(
        f"the {name} folder (the one with {mark}) must be {places[0]} or {places[1]}; found neither; "
        "install optimlab again"
    )
