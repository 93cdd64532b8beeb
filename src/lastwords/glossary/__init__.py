"""The terms of a crash report, explained."""
