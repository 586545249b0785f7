enum MicroVMModule {}
