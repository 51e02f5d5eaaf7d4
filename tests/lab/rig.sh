# shellcheck shell=bash
# shellcheck disable=SC2154 # $top, $bin, $lab and $net are set by lab.sh
# SPDX-License-Identifier: Apache-2.0
# Virtual rigs: QEMU with OVMF (Secure Boot build, SMM), a TPM 2.0 (swtpm), one NIC and no disk.
# Only the hardware is simulated. A rig's folder $lab/rigs/NAME holds its flash (UEFI variables), its TPM,
# its console and two QMP sockets: power.qmp for rigproofd, hand.qmp for whoever presses buttons here.

# TCG unless the CPU really has vmx or svm: /dev/kvm may exist and yet hang a guest.
rig_accelerator() {
  if [ -n "${RIGPROOF_ACCEL:-}" ]; then
    echo "$RIGPROOF_ACCEL"
  elif [ -w /dev/kvm ] && grep -qwE 'vmx|svm' /proc/cpuinfo; then
    echo kvm
  else
    echo tcg
  fi
}

# rig_create NAME: a machine as it leaves the factory: Secure Boot variables empty, a fresh TPM
rig_create() {
  local dir=$lab/rigs/$1
  mkdir -p "$dir/tpm"
  cp /usr/share/OVMF/OVMF_VARS_4M.fd "$dir/vars.fd"
  printf 'statedir = %s\nsigningkey = %s\nissuercert = %s\ncertserial = %s\n' "$lab/tpm-ca" "$lab/tpm-ca/signkey.pem" \
    "$lab/tpm-ca/issuercert.pem" "$lab/tpm-ca/certserial" > "$dir/localca.conf"
  printf -- '--platform-manufacturer rigproof\n--platform-version 1\n--platform-model lab\n' > "$dir/localca.options"
  printf 'create_certs_tool = /usr/bin/swtpm_localca\ncreate_certs_tool_config = %s\ncreate_certs_tool_options = %s\n' \
    "$dir/localca.conf" "$dir/localca.options" > "$dir/swtpm_setup.conf"
  swtpm_setup --tpm2 --tpmstate "$dir/tpm" --create-ek-cert --pcr-banks sha256 --overwrite \
    --config "$dir/swtpm_setup.conf" --logfile "$dir/swtpm_setup.log" > /dev/null 2> "$dir/swtpm_setup.err" ||
    die "swtpm_setup failed: see $dir/swtpm_setup.log"
}

# rig_plug_in NAME MAC [QEMU-ARGUMENT...]: give it current; it stays off until somebody presses the power button. The
# arguments add hardware, in front of all other: an IOMMU must come before what is behind it.
rig_plug_in() {
  local name=$1 mac=$2 dir=$lab/rigs/$1 accel
  shift 2
  accel=$(rig_accelerator)
  net_tap "$name"
  swtpm socket --tpm2 --tpmstate "dir=$dir/tpm" --ctrl "type=unixio,path=$dir/tpm.sock" \
    --flags startup-clear --log "file=$dir/swtpm.log" &
  remember $!
  wait_for 10 "the TPM of $name" test -S "$dir/tpm.sock"
  ip netns exec "$net-lan" qemu-system-x86_64 -name "$name" -nodefaults -display none -S -no-shutdown \
    -machine "q35,smm=on,accel=$accel" -cpu max -smp 2 -m "${RIG_MEMORY:-1024}" "$@" \
    -uuid "00000000-0000-4000-8000-${mac//:/}" \
    -smbios "type=1,manufacturer=rigproof,product=virtual rig,serial=$name" \
    -global driver=cfi.pflash01,property=secure,value=on -global ICH9-LPC.disable_s3=1 \
    -drive if=pflash,format=raw,unit=0,readonly=on,file=/usr/share/OVMF/OVMF_CODE_4M.secboot.fd \
    -drive "if=pflash,format=raw,unit=1,file=$dir/vars.fd" \
    -fw_cfg name=opt/org.tianocore/IPv6PXESupport,string=no \
    -chardev "socket,id=tpm,path=$dir/tpm.sock" -tpmdev emulator,id=tpm,chardev=tpm -device tpm-crb,tpmdev=tpm \
    -device virtio-rng-pci,bus=pcie.0 \
    -netdev "tap,id=lan,ifname=$name,script=no,downscript=no" \
    -device "virtio-net-pci,bus=pcie.0,id=nic,netdev=lan,mac=$mac,romfile=,bootindex=0" \
    -chardev "file,id=console,path=$dir/console.log,append=on" -serial chardev:console \
    -qmp "unix:$dir/power.qmp,server=on,wait=off" -qmp "unix:$dir/hand.qmp,server=on,wait=off" \
    > "$dir/qemu.log" 2>&1 &
  remember $!
  echo $! > "$dir/qemu.pid"
  wait_for 20 "QEMU of $name (see $dir/qemu.log)" test -S "$dir/hand.qmp"
}

# rig_unplug NAME: take the current away
rig_unplug() {
  local pid
  pid=$(cat "$lab/rigs/$1/qemu.pid")
  kill "$pid" 2>/dev/null || true
  wait "$pid" 2>/dev/null || true
}

# rig_qmp NAME COMMAND [ARGUMENTS-JSON]: one QMP command by hand; prints its answer
rig_qmp() {
  {
    printf '{"execute":"qmp_capabilities"}\n'
    printf '{"execute":"%s","arguments":%s,"id":"hand"}\n' "$2" "${3:-{\}}"
  } | socat -t 5 - "UNIX-CONNECT:$lab/rigs/$1/hand.qmp" | jq -c 'select(.id == "hand")' | head -n 1
}

rig_press_power() { rig_qmp "$1" cont > /dev/null; }
rig_status() { rig_qmp "$1" query-status | jq -r .return.status; }
rig_cable() { rig_qmp "$1" set_link "{\"name\":\"nic\",\"up\":$2}" > /dev/null; }
