// SPDX-License-Identifier: Apache-2.0
// A process dies of NULL with a spinlock held. Much later another one wants the lock, and that is what stops the machine.
#include "../lab.h"

struct channel {
	u64 number;
	u64 pulses;
};

struct meter {
	char name[16];
	struct channel *channel; /* at 0x10 */
};

static DEFINE_SPINLOCK(meter_lock);
static struct meter meter = { .name = "kitchen" };
static u64 readings;

static keep_frame void count_pulse(struct meter *from)
{
	spin_lock(&meter_lock);
	from->channel->pulses++;
	spin_unlock(&meter_lock);
}

static keep_frame void read_meter(void)
{
	spin_lock(&meter_lock);
	readings++;
	spin_unlock(&meter_lock);
}

static keep_frame int poll_meter(void)
{
	static bool counted;

	if (counted) {
		read_meter();
		return 0;
	}
	counted = true;
	count_pulse(&meter);
	return 0;
}

CRASH_ON_WRITE(poll_meter);
