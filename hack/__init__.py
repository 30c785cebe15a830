"""What builds, tests and generates: the cluster for tests, images, CRD, references, the demo."""
