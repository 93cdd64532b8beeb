"""How often lastwords is right: `lastwords analyze` over crashes whose cause is known, and the score.

    python -m lastwords.lab.accuracy --help

Each case is crashed and dumped once (`crashes.py`), analysed by the program itself in up to three forms (`runs.py`),
held against its `[verdict]` (`judge.py`), and counted (`score.py`).
"""
