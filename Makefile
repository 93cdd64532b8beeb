# Everything else is in scripts/; see CONTRIBUTING.md.
PYTHON = .venv/bin/python

.PHONY: accuracy accuracy-logs

# How often lastwords is right: all cases of the lab, dumps and logs. Needs root and QEMU; dumps are kept for the next time.
# E.g. make accuracy ARGS="--kernel 6.12 --wrong"
accuracy:
	scripts/setup dev
	$(PYTHON) -m lastwords.lab.accuracy $(ARGS)

# The same from the recorded console logs alone, without QEMU.
accuracy-logs:
	scripts/setup dev
	$(PYTHON) -m lastwords.lab.accuracy --log-only $(ARGS)
