// SPDX-License-Identifier: Apache-2.0
// Keeps every packet of telemetry. The kernel kills the largest process for it, which is innocent, and then all others.
#include <linux/delay.h>
#include <linux/kthread.h>
#include "../lab.h"

struct packet {
	void (*release)(struct packet *packet);
	struct packet *next;
	u8 data[1000];
};

static struct packet *unsent;

static void release_packet(struct packet *packet)
{
	unsent = packet->next;
	kfree(packet);
}

static keep_frame void keep_packet(void)
{
	struct packet *packet = kzalloc(sizeof(*packet), GFP_KERNEL);

	if (!packet)
		return;
	packet->release = release_packet;
	packet->next = unsent;
	unsent = packet;
}

static keep_frame int collect_telemetry(void *unused)
{
	while (!kthread_should_stop()) {
		keep_packet();
		cond_resched();
	}
	return 0;
}

static keep_frame int start_telemetry(void)
{
	return PTR_ERR_OR_ZERO(kthread_run(collect_telemetry, NULL, "telemetry"));
}

CRASH_ON_WRITE(start_telemetry);
