// SPDX-License-Identifier: Apache-2.0
// Renders a table into a buffer on the stack that is nearly as large as the stack.
#include "../lab.h"

static keep_frame int render_row(char *to, size_t size, int row)
{
	return scnprintf(to, size, "row %d: %*d\n", row, 40, row * row);
}

static keep_frame int render_table(int rows)
{
	char page[15500];
	int row, used = 0;

	for (row = 0; row < rows; row++)
		used += render_row(page + used, sizeof(page) - used, row);
	return page[used / 2] == 'x';
}

static keep_frame int show_table(void)
{
	return render_table(100);
}

CRASH_ON_WRITE(show_table);
