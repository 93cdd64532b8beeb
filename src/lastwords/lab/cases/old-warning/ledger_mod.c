// SPDX-License-Identifier: Apache-2.0
// Posts an entry to an account that was not found.
#include "../lab.h"

struct account {
	u64 id;
	s64 balance;
};

static struct account accounts[] = { { 1, 100 }, { 2, 50 } };

static keep_frame struct account *find_account(u64 id)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(accounts); i++)
		if (accounts[i].id == id)
			return &accounts[i];
	return NULL;
}

static keep_frame s64 post_entry(u64 id, s64 amount)
{
	struct account *account = find_account(id);

	WRITE_ONCE(account->balance, amount);
	return account->balance;
}

static keep_frame int close_books(void)
{
	return post_entry(2, 10) + post_entry(3, -10) ? 0 : -EINVAL;
}

CRASH_ON_WRITE(close_books);
