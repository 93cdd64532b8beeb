// SPDX-License-Identifier: Apache-2.0
// Tells whoever registered of changes of power. There is no mistake in it.
#include <linux/notifier.h>
#include "../lab.h"

BLOCKING_NOTIFIER_HEAD(power_chain);
EXPORT_SYMBOL_GPL(power_chain);

static keep_frame int announce_power(void)
{
	blocking_notifier_call_chain(&power_chain, 0, NULL);
	return 0;
}

CRASH_ON_WRITE(announce_power);
