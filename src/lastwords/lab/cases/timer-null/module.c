// SPDX-License-Identifier: Apache-2.0
// A timer outlives the buffer that its callback writes to.
#include <linux/delay.h>
#include <linux/timer.h>
#include "../lab.h"

struct sensor {
	struct timer_list timer;
	u64 *samples;
};

static struct sensor sensor;

static keep_frame void store_sample(struct sensor *sensor, u64 sample)
{
	WRITE_ONCE(sensor->samples[2], sample);
}

static keep_frame void read_sensor(struct timer_list *timer)
{
	store_sample(container_of(timer, struct sensor, timer), jiffies);
}

static int start_sensor(void)
{
	sensor.samples = kzalloc(64, GFP_KERNEL);
	timer_setup(&sensor.timer, read_sensor, 0);
	mod_timer(&sensor.timer, jiffies + HZ / 10);
	kfree(sensor.samples);
	sensor.samples = NULL;
	msleep(1000);
	return 0;
}

CRASH_ON_WRITE(start_sensor);
