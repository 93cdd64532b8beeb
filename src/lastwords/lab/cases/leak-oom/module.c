// SPDX-License-Identifier: Apache-2.0
// Every message is kept "for later"; nobody ever frees one, until no memory is left.
#include "../lab.h"

struct message {
	void (*deliver)(struct message *message);
	struct message *next;
	u8 data[2000];
};

static struct message *kept;

static void deliver_message(struct message *message)
{
	kept = message->next;
	kfree(message);
}

static keep_frame struct message *keep_message(void)
{
	struct message *message = kzalloc(sizeof(*message), GFP_KERNEL);

	if (!message)
		return NULL;
	message->deliver = deliver_message;
	message->next = kept;
	kept = message;
	return message;
}

static keep_frame int receive_messages(void)
{
	while (keep_message())
		cond_resched();
	return -ENOMEM;
}

CRASH_ON_WRITE(receive_messages);
