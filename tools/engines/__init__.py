"""Running every pipeline on distributed engines, which are downloaded and started on the loopback interface."""
