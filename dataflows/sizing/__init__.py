"""What an installation needs: from measured costs to cores, memory, disks and partitions."""
