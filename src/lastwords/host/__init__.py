"""The machine this runs on, or a tree of one: is it ready for a crash, and what evidence has it of the last?"""
