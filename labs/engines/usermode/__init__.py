"""The engine `usermode`: everything without a privilege, in a Linux kernel that runs as one ordinary process."""
