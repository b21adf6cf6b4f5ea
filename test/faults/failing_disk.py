"""A folder that is shown at another place by FUSE, with the faults of a disk.

Arguments: the folder, the mount point, and a control file, whose content is looked at before each call:
  write  what is written is lost, as the next fsync or close of that file says by EIO, once. It can still be read until the
         disk is mounted anew, as from a kernel's cache
  read   reading a file says EIO
Anything else: no fault. One line `ready` on stdout when it is mounted.
"""

import errno
import os
import sys

from fusepy import FUSE, FuseOSError, Operations

root, mount_point, control = sys.argv[1:4]


def fault():
    with open(control, encoding="utf-8") as file:
        return file.read()


class FailingDisk(Operations):
    def __init__(self):
        self.lost = set()
        self.remembered = {}

    def __call__(self, op, path, *args):
        try:
            return getattr(self, op)(root + path, *args)
        except OSError as error:
            raise FuseOSError(error.errno) from error

    def init(self, path):
        print("ready", flush=True)

    def access(self, path, mode):
        return 0

    def getattr(self, path, handle=None):
        stat = os.lstat(path)
        names = ("st_atime", "st_ctime", "st_gid", "st_mode", "st_mtime", "st_nlink", "st_size", "st_uid")
        return {name: getattr(stat, name) for name in names}

    def statfs(self, path):
        stat = os.statvfs(path)
        names = ("f_bavail", "f_bfree", "f_blocks", "f_bsize", "f_files", "f_ffree", "f_frsize", "f_namemax")
        return {name: getattr(stat, name) for name in names}

    def readdir(self, path, handle):
        return [".", "..", *os.listdir(path)]

    def mkdir(self, path, mode):
        os.mkdir(path, mode)

    def rmdir(self, path):
        os.rmdir(path)

    def unlink(self, path):
        self.remembered.pop(os.lstat(path).st_ino, None)
        os.unlink(path)

    def rename(self, path, new):
        os.rename(path, root + new)

    def truncate(self, path, length, handle=None):
        os.truncate(path, length)

    def create(self, path, mode, info=None):
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, mode)

    def open(self, path, flags):
        return os.open(path, flags)

    def read(self, path, size, offset, handle):
        if fault() == "read":
            raise FuseOSError(errno.EIO)
        data = bytearray(os.pread(handle, size, offset))
        for start, lost in self.remembered.get(os.fstat(handle).st_ino, []):
            first, last = max(start, offset), min(start + len(lost), offset + len(data))
            if first < last:
                data[first - offset : last - offset] = lost[first - start : last - start]
        return bytes(data)

    def write(self, path, data, offset, handle):
        if fault() != "write":
            return os.pwrite(handle, data, offset)
        stat = os.fstat(handle)
        self.lost.add(handle)
        self.remembered.setdefault(stat.st_ino, []).append((offset, data))
        os.ftruncate(handle, max(stat.st_size, offset + len(data)))
        return len(data)

    def fsync(self, path, datasync, handle):
        self.tell_once(handle)
        os.fsync(handle)

    def flush(self, path, handle):
        self.tell_once(handle)

    def release(self, path, handle):
        self.lost.discard(handle)
        os.close(handle)

    def fsyncdir(self, path, datasync, handle):
        return 0

    def tell_once(self, handle):
        if handle in self.lost:
            self.lost.discard(handle)
            raise FuseOSError(errno.EIO)


FUSE(FailingDisk(), mount_point, foreground=True, big_writes=True, fsname="failing-disk")
