// SPDX-License-Identifier: Apache-2.0
// Tells whoever registered of changes of power. There is no mistake in it.
#include <linux/notifier.h>
#include "../lab.h"

struct power_zone {
	u64 id;
	u64 watts; /* at 0x8 */
};

struct power_event {
	u64 kind;
	struct power_zone *zone; /* at 0x8 */
};

BLOCKING_NOTIFIER_HEAD(power_chain);
EXPORT_SYMBOL_GPL(power_chain);

static keep_frame int announce_power(void)
{
	static struct power_zone zone = { .id = 1, .watts = 40 };
	static struct power_event event = { .kind = 2, .zone = &zone };

	blocking_notifier_call_chain(&power_chain, 0, &event);
	return 0;
}

CRASH_ON_WRITE(announce_power);
