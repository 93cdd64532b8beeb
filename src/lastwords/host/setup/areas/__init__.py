"""One module a subject: packages and services, the boot loader, sysctls, what survives without a dump."""
