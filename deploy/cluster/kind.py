"""x"""


class KindCluster: ...


def docker_answers():
    return False
