// SPDX-License-Identifier: Apache-2.0
// Is told first, and takes the zone out of the event, as if the event were its own.
#include <linux/notifier.h>
#include "../lab.h"

struct power_zone;

struct power_event {
	u64 kind;
	struct power_zone *zone;
};

extern struct blocking_notifier_head power_chain; /* of power_bus */

static struct power_zone *cooled;

static keep_frame int fan_notify(struct notifier_block *block, unsigned long action, void *data)
{
	struct power_event *event = data;

	cooled = event->zone;
	event->zone = NULL;
	return NOTIFY_OK;
}

static struct notifier_block fan_block = { .notifier_call = fan_notify, .priority = 10 };

static int __init fan_mod_init(void)
{
	return blocking_notifier_chain_register(&power_chain, &fan_block);
}

module_init(fan_mod_init);
MODULE_LICENSE("GPL");
