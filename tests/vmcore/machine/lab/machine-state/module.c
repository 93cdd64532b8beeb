// SPDX-License-Identifier: Apache-2.0
// What the collectors have to find: parameters of all kinds, and many threads that wait at one place.
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/moduleparam.h>
#include <linux/mutex.h>
#include "../lab.h"

#define THREADS 450

static int number = 1;
static short small;
static unsigned long long big;
static char *name = "unnamed", *unset;
static bool on, off = true, inverted;
static int list[8], list_size;
static char *words[4];
static int words_size;
static unsigned int mask;
static char copy[16];

module_param(number, int, 0444);
module_param(small, short, 0);
module_param(big, ullong, 0644);
module_param(name, charp, 0400);
module_param(unset, charp, 0444);
module_param(on, bool, 0444);
module_param(off, bool, 0444);
module_param(inverted, invbool, 0444);
module_param_array(list, int, &list_size, 0444);
module_param_array(words, charp, &words_size, 0444);
module_param(mask, uint, 0444);
module_param_string(copy, copy, sizeof(copy), 0444);

struct sensor {
	char label[24];
	int *level;
};

static DECLARE_COMPLETION(never);
static DEFINE_MUTEX(held);

static keep_frame int wait_for_never(void *unused)
{
	wait_for_completion(&never);
	return 0;
}

static keep_frame int wait_for_mutex(void *unused)
{
	mutex_lock(&held);
	mutex_unlock(&held);
	return 0;
}

static keep_frame int read_level(struct sensor *sensor, int scale)
{
	return *sensor->level * scale;
}

static keep_frame int crash_with_company(void)
{
	struct sensor sensor = { .label = "inlet" };
	int i;

	for (i = 0; i < THREADS; i++)
		kthread_run(wait_for_never, NULL, "lab-wait/%d", i);
	mutex_lock(&held);
	kthread_run(wait_for_mutex, NULL, "lab-mutex");
	msleep(400);
	return read_level(&sensor, number);
}

CRASH_ON_WRITE(crash_with_company);
