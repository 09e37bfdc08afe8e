"""Pauses: rules that send nothing for now, kept in a compacted topic. Begin reading at `pause_list`."""
