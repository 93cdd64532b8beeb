// SPDX-License-Identifier: Apache-2.0
// An entry is taken off a list twice.
#include "../lab.h"

struct job {
	struct list_head list;
	int number;
};

static LIST_HEAD(jobs);

static keep_frame void finish_job(struct job *job)
{
	list_del(&job->list);
	pr_info("list_corruption: job %d is done\n", job->number);
}

static keep_frame int run_jobs(void)
{
	static struct job job = { .number = 1 };

	list_add(&job.list, &jobs);
	finish_job(&job);
	finish_job(&job);
	return 0;
}

CRASH_ON_WRITE(run_jobs);
