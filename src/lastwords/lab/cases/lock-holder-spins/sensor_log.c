// SPDX-License-Identifier: Apache-2.0
// Logs what the sensors say, under the hub's lock. There is no mistake in it.
#include <linux/delay.h>
#include "../lab.h"

extern spinlock_t hub_lock; /* of sensor_hub */
extern void start_reading(void);

static u64 values;

static keep_frame void log_value(void)
{
	spin_lock(&hub_lock);
	values++;
	spin_unlock(&hub_lock);
}

static keep_frame int read_sensors(void)
{
	start_reading();
	msleep(100);
	log_value();
	return 0;
}

CRASH_ON_WRITE(read_sensors);
