"""The HTML report, and Chromium to look at it."""
