"""Memory dumps: opened with or without debuginfo, damaged or not, and read into a Machine. drgn stays in here."""
