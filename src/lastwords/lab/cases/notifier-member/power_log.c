// SPDX-License-Identifier: Apache-2.0
// Is told next, and reads the event's zone, which is always there by the rules. There is no mistake in it.
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

extern struct blocking_notifier_head power_chain; /* of power_bus */

static u64 total;

static keep_frame int log_notify(struct notifier_block *block, unsigned long action, void *data)
{
	struct power_event *event = data;

	total += READ_ONCE(event->zone->watts);
	return NOTIFY_OK;
}

static struct notifier_block log_block = { .notifier_call = log_notify };

static int __init power_log_init(void)
{
	return blocking_notifier_chain_register(&power_chain, &log_block);
}

module_init(power_log_init);
MODULE_LICENSE("GPL");
