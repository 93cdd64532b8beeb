# Makes a plain Debian out of a fresh chroot: run inside it by image.py, with RELEASE and PACKAGES set.
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq

# The boot disk's driver and nothing else: a small initramfs boots fast. (kdump-tools makes its own.)
mkdir -p /etc/initramfs-tools/conf.d
echo 'MODULES=list' > /etc/initramfs-tools/conf.d/lab
printf 'virtio_pci\nvirtio_blk\n' >> /etc/initramfs-tools/modules
apt-get install -qq "linux-image-$RELEASE" || apt-get install -qq "linux-image-$RELEASE-unsigned"

echo 'grub-pc grub-pc/install_devices_empty boolean true' | debconf-set-selections
apt-get install -qq grub-pc
# no_timer_check: on a busy host the timer of an emulated machine may seem not to work, and the kernel panics at boot
# ("IO-APIC + timer doesn't work!", arch/x86/kernel/apic/io_apic.c).
sed -i 's/^GRUB_TIMEOUT=.*/GRUB_TIMEOUT=0/; s/^GRUB_CMDLINE_LINUX_DEFAULT=.*/GRUB_CMDLINE_LINUX_DEFAULT=""/;
        s/^GRUB_CMDLINE_LINUX=.*/GRUB_CMDLINE_LINUX="console=ttyS0 no_timer_check"/' /etc/default/grub
echo 'GRUB_TERMINAL=console' >> /etc/default/grub
# The first boot's: no update-grub without the real disk. `(hd0,msdos1)` is where image.py puts the file system.
mkdir -p /boot/grub/i386-pc
cp /usr/lib/grub/i386-pc/*.mod /usr/lib/grub/i386-pc/*.lst /boot/grub/i386-pc/
cat > /boot/grub/grub.cfg <<GRUB
linux /boot/vmlinuz-$RELEASE root=/dev/vda1 ro console=ttyS0 no_timer_check
initrd /boot/initrd.img-$RELEASE
boot
GRUB
grub-mkimage -O i386-pc -p '(hd0,msdos1)/boot/grub' -o /boot/grub/core.img biosdisk part_msdos ext2 normal linux
cp /usr/lib/grub/i386-pc/boot.img /boot/grub/

# What the guest installs later comes from here: it has no network.
rm -f /var/cache/apt/archives/*.deb
apt-get install -qq --download-only $PACKAGES
mkdir -p /srv/apt
mv /var/cache/apt/archives/*.deb /srv/apt/
cd /srv/apt
for package in *.deb; do
  dpkg-deb --field "$package"
  printf 'Filename: ./%s\nSize: %s\nSHA256: %s\n\n' "$package" "$(stat -c %s "$package")" "$(sha256sum "$package" | cut -d' ' -f1)"
done > Packages
cd /
echo 'deb [trusted=yes] file:/srv/apt ./' > /etc/apt/sources.list
rm -rf /etc/apt/sources.list.d/* /var/lib/apt/lists/*
apt-get update -qq

echo lab > /etc/hostname
printf '127.0.0.1 localhost lab\n' > /etc/hosts
echo '/dev/vda1 / ext4 errors=remount-ro 0 1' > /etc/fstab
: > /etc/machine-id
passwd -d root
# A shell on the serial console, for people.
mkdir -p /etc/systemd/system/serial-getty@ttyS0.service.d
cat > /etc/systemd/system/serial-getty@ttyS0.service.d/lab.conf <<'UNIT'
[Service]
ExecStart=
ExecStart=-/sbin/agetty --autologin root --keep-baud 115200 %I vt220
UNIT
cat > /etc/systemd/system/lab-agent.service <<'UNIT'
[Unit]
Description=Carries out what the lab asks
After=multi-user.target
[Service]
ExecStart=/usr/bin/python3 -IS /usr/local/lib/lab-agent
Restart=always
# What is started without waiting goes on when the agent ends.
KillMode=process
[Install]
WantedBy=graphical.target multi-user.target
UNIT
systemctl enable lab-agent.service
# Emulated CPUs are slow: no housekeeping.
systemctl mask apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer fstrim.timer \
  e2scrub_reap.service man-db.timer getty@tty1.service systemd-networkd.service systemd-timesyncd.service
# Debian's default is a persistent journal; here it is for `doctor --fix` to make it so.
rm -rf /var/log/journal
apt-get clean
