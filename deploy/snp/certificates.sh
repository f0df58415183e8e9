#!/bin/sh
# Fetches what a report needs beside itself into a folder for `proofmark host --certificates DIR`: the chip's VCEK for its
# TCB, the ASK and ARK, and the revocation list. AMD's server answers 429 after a few requests and has outages, so a file
# that is there is not fetched again; renew the list daily (proofmark-certificates.timer).
#
#   certificates.sh PRODUCT CHIP_ID TCB_QUERY DIR
#   certificates.sh Genoa 0123...ef 'blSPL=10&teeSPL=0&snpSPL=23&ucodeSPL=84' /var/lib/proofmark/certificates
#
# CHIP_ID and the query come from the report: `proofmark audit REPORT --json` prints both under evidence.claimed.
set -eu

product="${1:?PRODUCT CHIP_ID TCB_QUERY DIR}"
chip="${2:?PRODUCT CHIP_ID TCB_QUERY DIR}"
query="${3:?PRODUCT CHIP_ID TCB_QUERY DIR}"
dir="${4:?PRODUCT CHIP_ID TCB_QUERY DIR}"
base="${KDS:-https://kdsintf.amd.com}/vcek/v1/$product"

case "$product" in Milan | Genoa | Turin) ;; *) echo "certificates: no product $product" >&2 && exit 2 ;; esac
case "$chip" in *[!0-9a-f]* | '') echo 'certificates: the chip id is lower-case hex' >&2 && exit 2 ;; esac
case "$query" in *[!A-Za-z0-9=\&]*) echo 'certificates: not a TCB query' >&2 && exit 2 ;; esac
mkdir -p "$dir"

# Written beside and renamed: a host never reads half a file.
fetch() {
  curl -fsS --retry 6 --retry-delay 10 --retry-all-errors --max-time 60 --max-filesize 65536 -o "$dir/$2.new" "$base/$1"
  mv "$dir/$2.new" "$dir/$2"
}

[ -s "$dir/vcek.der" ] || fetch "$chip?$query" vcek.der
[ -s "$dir/chain.pem" ] || fetch cert_chain chain.pem
fetch crl revocation.crl
