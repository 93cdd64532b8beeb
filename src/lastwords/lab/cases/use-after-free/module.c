// SPDX-License-Identifier: Apache-2.0
// A connection is freed while its peer still points to it. The kernel poisons freed memory.
#include "../lab.h"

struct connection {
	struct connection *peer;
	u64 bytes;
};

static keep_frame u64 peer_bytes(struct connection *connection)
{
	return connection->peer->bytes;
}

static keep_frame int close_connection(void)
{
	struct connection *connection = kzalloc(sizeof(*connection), GFP_KERNEL);

	if (!connection)
		return -ENOMEM;
	kfree(connection);
	OPTIMIZER_HIDE_VAR(connection);
	return peer_bytes(connection) > 0;
}

CRASH_ON_WRITE(close_connection);
