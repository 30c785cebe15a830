# A base made from Debian packages, for where no image registry is reachable.
# The archive is composed by packages.py; nothing here needs the network.
FROM scratch
ADD root.tar /
ENV PATH=/usr/bin:/bin:/usr/sbin
