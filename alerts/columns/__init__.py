"""Columnar operators: many events at once, a column of numbers for each thing that is known of them.

The rules judge one event after the other, which lets them say anything. Where a question is plain (how many of a
key in a window, who rises through some steps, how many in each hour) and the history long, the same question is
asked of thousands of events in a few passes over arrays. Each operator keeps its state between the batches; how a
history is cut into batches never changes an answer.

Times are whole numbers in one unit that the caller chooses (microseconds, seconds); keys, kinds and levels are
whole numbers from 0 on. An operator is given events in the order of their times (`InOrder` puts them into it).
"""
