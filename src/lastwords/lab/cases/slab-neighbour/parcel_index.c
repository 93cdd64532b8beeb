// SPDX-License-Identifier: Apache-2.0
// Keeps parcels and weighs them all now and then. There is no mistake in it.
#include <linux/workqueue.h>
#include "../lab.h"

struct parcel {
	struct parcel *next;
	u64 number;
	u64 weight;
	char sender[72];
};

static struct parcel *parcels;
static DEFINE_MUTEX(parcels_lock);
static struct delayed_work check_work;

int add_parcel(u32 number)
{
	struct parcel *parcel = kzalloc(sizeof(*parcel), GFP_KERNEL);

	if (!parcel)
		return -ENOMEM;
	parcel->number = number;
	parcel->weight = 2 * number;
	mutex_lock(&parcels_lock);
	parcel->next = parcels;
	parcels = parcel;
	mutex_unlock(&parcels_lock);
	return 0;
}
EXPORT_SYMBOL_GPL(add_parcel);

static keep_frame u64 weigh_parcels(struct parcel *parcel)
{
	u64 weight = 0;

	for (; parcel; parcel = parcel->next)
		weight += READ_ONCE(parcel->weight);
	return weight;
}

static keep_frame void check_parcels(struct work_struct *work)
{
	u64 weight;

	mutex_lock(&parcels_lock);
	weight = weigh_parcels(parcels);
	mutex_unlock(&parcels_lock);
	pr_info("parcel_index: %llu grams\n", weight);
	schedule_delayed_work(&check_work, HZ);
}

static int __init parcel_index_init(void)
{
	INIT_DELAYED_WORK(&check_work, check_parcels);
	schedule_delayed_work(&check_work, HZ);
	return 0;
}

module_init(parcel_index_init);
MODULE_LICENSE("GPL");
