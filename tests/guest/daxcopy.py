#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Copy an image into a dax device, or out of it, through a mapping.

usage: daxcopy.py in IMAGE DEVICE | daxcopy.py out DEVICE IMAGE BYTES
"""
import mmap
import os
import sys


def device(path, write):
    fd = os.open(path, os.O_RDWR if write else os.O_RDONLY)
    with open(f"/sys/bus/dax/devices/{os.path.basename(path)}/size") as f:
        size = int(f.read())
    prot = mmap.PROT_READ | (mmap.PROT_WRITE if write else 0)
    return mmap.mmap(fd, size, mmap.MAP_SHARED, prot)


def main(how, source, target, size=0):
    if how == "in":
        data = open(source, "rb").read()
        media = device(target, True)
        media[0:len(data)] = data
        print(len(media))
    else:
        media = device(source, False)
        with open(target, "wb") as f:
            f.write(media[0:int(size)])
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
