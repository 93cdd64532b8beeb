// SPDX-License-Identifier: Apache-2.0
// Registers with power_bus and forgets to unregister when it is unloaded.
#include <linux/notifier.h>
#include "../lab.h"

extern struct blocking_notifier_head power_chain; /* of power_bus */

static u64 changes;

static keep_frame int fan_notify(struct notifier_block *block, unsigned long action, void *data)
{
	changes++;
	return NOTIFY_OK;
}

static struct notifier_block fan_block = { .notifier_call = fan_notify };

static int __init fan_mod_init(void)
{
	return blocking_notifier_chain_register(&power_chain, &fan_block);
}

static void __exit fan_mod_exit(void)
{
	pr_info("fan_mod: %llu changes\n", changes);
}

module_init(fan_mod_init);
module_exit(fan_mod_exit);
MODULE_LICENSE("GPL");
