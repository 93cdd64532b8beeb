"""What the lab can't do, said in one line."""


class LabError(Exception):
    """The lab lacks something or the experiment did not go as its recipe says; the text is for people."""
