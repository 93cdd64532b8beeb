// SPDX-License-Identifier: Apache-2.0
#include "../lab.h"

struct report {
	char *text;
};

static keep_frame void close_report(struct report *report)
{
	kfree(report->text);
}

static keep_frame int print_report(void)
{
	char text[64] = "all is well";
	struct report report = {.text = text};
	close_report(&report);
	return text[0] == 0;
}

CRASH_ON_WRITE(print_report);
