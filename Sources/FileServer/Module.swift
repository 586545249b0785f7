enum FileServerModule {}
