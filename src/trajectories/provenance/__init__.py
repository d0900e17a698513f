"""What every result was made from: stamped into it when it is written, verified against the disk later."""

from trajectories.provenance.carriers import NoStamp, annotate, read_stamp, save_figure, save_table
from trajectories.provenance.hashes import md5
from trajectories.provenance.stamps import Stamp, stamp

__all__ = ["NoStamp", "Stamp", "annotate", "md5", "read_stamp", "save_figure", "save_table", "stamp"]
