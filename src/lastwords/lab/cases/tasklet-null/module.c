// SPDX-License-Identifier: Apache-2.0
// A tasklet looks at a packet that its interrupt handler has not put there yet.
#include <linux/delay.h>
#include <linux/interrupt.h>
#include "../lab.h"

struct packet {
	u64 source;
	u64 target;
	u64 length;
	u8 data[40];
};

struct port {
	struct tasklet_struct tasklet;
	struct packet *received;
};

static struct port port;

static keep_frame u64 packet_length(struct packet *packet)
{
	return READ_ONCE(packet->length);
}

static keep_frame void receive_packet(struct tasklet_struct *tasklet)
{
	struct port *from = container_of(tasklet, struct port, tasklet);

	if (packet_length(from->received) > sizeof(from->received->data))
		pr_info("tasklet_null: packet is too long\n");
}

static keep_frame int open_port(void)
{
	tasklet_setup(&port.tasklet, receive_packet);
	tasklet_schedule(&port.tasklet);
	msleep(1000);
	return 0;
}

CRASH_ON_WRITE(open_port);
