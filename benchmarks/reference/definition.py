"""Job R, the reference job.

**Input.** Four files of JSON lines, one for each channel, in the order in which the events were reported. What happened
(`occurred_at`) is at most 599 s before what was reported, so within a file it is out of order by less than 600 s. No
caller has two events in the same second, so the order of a caller's events is total.

**Time** is `occurred_at`. The watermark of a channel is the greatest seen there minus `LATENESS`; that of the job is
the smallest of the four. No event is late.

**O1, repeat caller.** For an event of a caller at t let W be the caller's events in [t - 24 h, t], itself included, in
the order of event time. It raises an alert when W has at least 3 events of at least 2 channels and no alert was raised
for the caller in (t - 24 h, t). Row: `caller,event id,t,|W|,channels` (police 1 + hotline 2 + petition 4 + grid 8).

**O2, escalation.** A police event q of a caller raises an alert when there are a hotline event h and a petition p of
the caller, t_h < t_p < t_q, t_q - t_h <= 7 d, severities not falling from h to p to q, none consumed; all events of the
caller up to q are then consumed. Row: `caller,event id of q,t_q,the latest possible t_h`.

**O3, aggregates.** For each region, channel, category and hour of `occurred_at`: the events, the exact distinct callers
and the greatest severity, once the watermark has passed the hour. Row: `region,channel,category,hour,events,callers,
severity`, the hour as hours since 1970.

A program is called with the folder of the input and a folder for its answers; there it writes `o1`, `o2` and `o3`, or
several files whose names begin so, each row a line in any order. Times are seconds since 1970.
"""

from __future__ import annotations

CHANNELS = ("police", "hotline", "petition", "grid")
POLICE, HOTLINE, PETITION, GRID = range(4)
OUTPUTS = ("o1", "o2", "o3")

LATENESS = 600  # seconds
HOUR = 3_600
DAY = 86_400
WEEK = 7 * DAY
NEVER = -(1 << 60)  # before every time
ALWAYS = 1 << 60  # after every time
SEVERITIES = 5  # 1 to 5

REPEATS = 3  # events in 24 h
