#!/bin/sh
# Boots a worker as a confidential VM with measured direct boot: the firmware is measured by the processor, and the hashes
# of kernel, initrd and command line are in a page that is measured with it (kernel-hashes=on). Without that page the
# measurement would cover the firmware alone, and say nothing about the worker.
# IMAGE is what `proofmark image build --flavour snp` wrote. Needs: a host with SEV-SNP on, QEMU >= 9.1, an OVMF build of
# the AmdSev package. Settings: /etc/proofmark/snp.env.
set -eu

: "${IMAGE:=/var/lib/proofmark/image}"
: "${OVMF:=/usr/share/ovmf/OVMF.amdsev.fd}"
: "${VCPUS:=2}"
: "${VCPU_TYPE:=EPYC-v4}"
: "${MEMORY_MIB:=4096}"
: "${LINK:=/run/proofmark/worker.sock}"
# ABI 1.x: bit 17 is always one, bit 16 allows SMT. DEBUG (19) and MIGRATE_MA (18) stay zero: policies refuse them.
: "${GUEST_POLICY:=0x30000}"
: "${DEVICE:=/dev/sev}"

[ -e "$DEVICE" ] || { echo "launch: no $DEVICE: SEV-SNP is not on" >&2; exit 1; }
append="$(cat "$IMAGE/cmdline")"

exec qemu-system-x86_64 \
  -nodefaults -nographic -no-reboot -nic none -display none \
  -enable-kvm -smp "$VCPUS" -cpu "$VCPU_TYPE" \
  -object "memory-backend-memfd,id=ram,size=${MEMORY_MIB}M,share=true" \
  -machine q35,confidential-guest-support=sev0,memory-backend=ram \
  -object "sev-snp-guest,id=sev0,cbitpos=51,reduced-phys-bits=1,policy=$GUEST_POLICY,kernel-hashes=on" \
  -bios "$OVMF" -kernel "$IMAGE/kernel" -initrd "$IMAGE/initrd" -append "$append" \
  -serial stdio \
  -device virtio-serial-pci \
  -chardev "socket,id=link,path=$LINK,server=on,wait=off" \
  -device virtserialport,chardev=link,nr=1,name=enclave.rpc
