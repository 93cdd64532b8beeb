// SPDX-License-Identifier: Apache-2.0
#include "../lab.h"

struct table {
	u64 size;
	u64 *slots;
};

static keep_frame int make_table(struct table *table, u64 size)
{
	table->size = size;
	table->slots = kmalloc(size * sizeof(u64), GFP_KERNEL | __GFP_NOWARN);
	memset(table->slots, 0, READ_ONCE(table->size) * sizeof(u64));
	return 0;
}

static keep_frame int load_rules(void)
{
	static struct table table;
	return make_table(&table, 1ull << 27);
}

CRASH_ON_WRITE(load_rules);
