#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# deps.sh LIST...: install the packages of these lists that this machine lacks. Nothing to do is fast and silent.
set -euo pipefail
[ $# -gt 0 ] || { echo "usage: tests/deps.sh packages/LIST.txt..." >&2; exit 2; }

missing=()
while read -r name; do
  case $(dpkg-query -W -f '${db:Status-Status}' "$name" 2>/dev/null || true) in
    installed) ;;
    *) missing+=("$name") ;;
  esac
done < <(sed -e 's/#.*//' -e '/^[[:space:]]*$/d' "$@")
[ ${#missing[@]} -gt 0 ] || exit 0

if [ "$(id -u)" != 0 ]; then
  echo "deps: these packages are missing, and only root can install them: sudo apt-get install ${missing[*]}" >&2
  exit 1
fi

# Packages bring daemons (tftpd-hpa, dnsmasq) whose start-up scripts would take ports of this machine.
# rigproof starts its own, in the namespaces of its lab: hold the others back while installing.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  trap 'rm -f "$policy"' EXIT
  printf '#!/bin/sh\nexit 101\n' > "$policy"
  chmod 755 "$policy"
fi

echo "deps: installing ${#missing[@]} packages"
export DEBIAN_FRONTEND=noninteractive
install=(apt-get -qq -y -o Dpkg::Use-Pty=0 install --no-install-recommends "${missing[@]}")
mkdir -p build
if ! apt-get -qq update > build/deps.log 2>&1 || ! "${install[@]}" >> build/deps.log 2>&1; then
  tail -n 20 build/deps.log >&2
  echo "deps: apt failed; the whole log is in build/deps.log" >&2
  exit 1
fi

# Held back is not off: at the next boot they would start. rigproof runs in.tftpd itself.
for name in "${missing[@]}"; do
  case $name in
    tftpd-hpa) systemctl --quiet disable "$name.service" >> build/deps.log 2>&1 || true ;;
  esac
done
