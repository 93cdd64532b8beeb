// SPDX-License-Identifier: Apache-2.0
// Does nothing. That it is out of tree is enough where an administrator said so.
#include "../lab.h"

static int do_nothing(void)
{
	return 0;
}

CRASH_ON_WRITE(do_nothing);
