enum GuestSessionModule {}
